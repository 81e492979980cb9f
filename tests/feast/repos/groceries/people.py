"""Who and what features are about."""

from feast import Entity, ValueType

courier = Entity(
    name="courier",
    join_keys=["courier_id"],
    value_type=ValueType.INT64,
    description="Who brings it.",
    owner="logistics",
    tags={"pii": "yes", "answer": "42"},
)
area = Entity(name="delivery-area", join_keys=["area_code"], value_type=ValueType.STRING)
