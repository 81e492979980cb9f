"""One view over each kind of warehouse."""

from datetime import timedelta

from feast import BigQuerySource, Entity, FeatureService, FeatureView, Field, RedshiftSource, SnowflakeSource, ValueType
from feast.infra.offline_stores.contrib.athena_offline_store.athena_source import AthenaSource
from feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source import ClickhouseSource
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.types import Float64, Int64, String

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
KEY = Field(name="customer_id", dtype=String)
SPENT = Field(name="spent", dtype=Float64)

on_bigquery = FeatureView(
    name="on_bigquery",
    entities=[customer],
    ttl=timedelta(days=30),
    schema=[KEY, SPENT],
    source=BigQuerySource(
        name="bq", table="acme.shop.orders", timestamp_field="ts", date_partition_column="day",
        timestamp_field_type="TIMESTAMP",
    ),
)  # fmt: skip
by_query = FeatureView(
    name="by_query",
    entities=[customer],
    schema=[KEY, Field(name="orders", dtype=Int64)],
    source=BigQuerySource(
        name="bq_query",
        query="SELECT customer_id, ts, COUNT(*) AS orders\nFROM `acme.shop.orders`\nGROUP BY 1, 2",
        timestamp_field="ts",
    ),
)
on_snowflake = FeatureView(
    name="on_snowflake",
    entities=[customer],
    schema=[KEY, SPENT],
    source=SnowflakeSource(name="sf", database="SHOP", schema="PUBLIC", table="ORDERS", timestamp_field="ts"),
)
on_redshift = FeatureView(
    name="on_redshift",
    entities=[customer],
    schema=[KEY, SPENT],
    source=RedshiftSource(name="rs", database="shop", schema="public", table="orders", timestamp_field="ts"),
)
on_athena = FeatureView(
    name="on_athena",
    entities=[customer],
    schema=[KEY, SPENT],
    source=AthenaSource(
        name="at", table="orders", database="shop", data_source="AwsDataCatalog", timestamp_field="ts",
        date_partition_column="ds",
    ),
)  # fmt: skip
on_postgres = FeatureView(
    name="on_postgres",
    entities=[customer],
    schema=[KEY, SPENT],
    source=PostgreSQLSource(name="pg", table="shop.orders", timestamp_field="ts"),
)
on_clickhouse = FeatureView(
    name="on_clickhouse",
    entities=[customer],
    schema=[KEY, SPENT],
    source=ClickhouseSource(name="ch", table="shop.orders", timestamp_field="ts"),
)
value = FeatureService(name="value", features=[on_bigquery, by_query])
