"""What models read."""

from feast import FeatureService
from features import (
    area_facts,
    courier_days,
    courier_hours,
    courier_now,
    courier_orders,
    order_fit,
    order_words,
    weather,
)

dispatch = FeatureService(
    name="dispatch",
    features=[courier_hours[["accept_rate", "pay"]], weather, order_fit],
    description="Who gets the order.",
    owner="logistics",
)
pairs = FeatureService(
    name="dispatch-pairs",
    features=[
        courier_hours[["trips"]],
        courier_hours.with_name("other").with_join_key_map({"courier_id": "other_courier_id"}),
        area_facts[["shops"]],
    ],
)
clash = FeatureService(name="clash", features=[courier_hours, courier_days, courier_now, courier_orders, order_words])
words = FeatureService(name="words", features=[order_words])
