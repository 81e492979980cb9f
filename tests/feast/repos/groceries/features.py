"""Everything that a registry can say, in one small shop."""

from datetime import timedelta

import pandas as pd
from feast import Aggregation, FeatureView, Field, FileSource, KafkaSource, PushSource, RequestSource, StreamFeatureView
from feast.data_format import AvroFormat
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, Map, String, Struct, UnixTimestamp
from people import area, courier

DAY = timedelta(days=1)

hours = FileSource(
    name="courier_hours",
    path="data/courier_hours.parquet",
    timestamp_field="hour",
    created_timestamp_column="loaded_at",
    field_mapping={"rate": "accept_rate"},
    description="One row a courier and hour: late counts replace it.",
    owner="logistics",
)

courier_hours = FeatureView(
    name="courier_hours",
    entities=[courier],
    ttl=timedelta(hours=3 * 12),
    schema=[
        Field(name="courier_id", dtype=Int64),
        Field(name="accept_rate", dtype=Float64, description="Offers taken: of all seen.", tags={"unit": "share"}),
        Field(name="trips", dtype=Int32),
        Field(name="pay", dtype=Float32),
    ],
    source=hours,
    owner="logistics",
    tags={"tier": "1"},
)

courier_days = FeatureView(
    name="courier__days",
    entities=[courier],
    ttl=timedelta(0),
    online=False,
    schema=[Field(name="courier_id", dtype=Int64), Field(name="trips", dtype=Int32)],
    source=hours,
)

pushed = PushSource(name="courier_pushes", batch_source=hours)
courier_now = FeatureView(
    name="courier_now",
    entities=[courier],
    ttl=DAY,
    schema=[Field(name="courier_id", dtype=Int64), Field(name="accept_rate", dtype=Float64)],
    source=pushed,
)

weather_file = FileSource(name="weather", path="data/weather.parquet", timestamp_field="at")
weather = FeatureView(
    name="city_weather",
    entities=[],
    ttl=DAY,
    schema=[Field(name="rain", dtype=Float64), Field(name="storm", dtype=Bool)],
    source=weather_file,
)

area_file = FileSource(name="data/areas.parquet", path="data/areas.parquet", timestamp_field="day")
area_facts = FeatureView(
    name="area_facts",
    entities=[area],
    ttl=timedelta(days=400),
    schema=[
        Field(name="area_code", dtype=String),
        Field(name="shops", dtype=Array(Int64)),
        Field(name="centre", dtype=Array(Float32), vector_index=True, vector_length=3, vector_search_metric="cosine"),
        Field(name="mayor", dtype=Struct({"name": String, "age": Int64})),
        Field(name="opened", dtype=UnixTimestamp),
        Field(name="arms", dtype=Bytes),
        Field(name="sizes", dtype=Map),
    ],
    source=area_file,
)

orders = KafkaSource(
    name="order_stream",
    kafka_bootstrap_servers="broker-1:9092,broker-2:9092",
    topic="orders",
    timestamp_field="hour",
    message_format=AvroFormat(schema_json="{}"),
    watermark_delay_threshold=timedelta(minutes=5),
    batch_source=hours,
)
courier_orders = StreamFeatureView(
    name="courier_orders",
    entities=[courier],
    ttl=DAY,
    schema=[
        Field(name="courier_id", dtype=Int64),
        Field(name="sum_trips_3600s", dtype=Int32),
        Field(name="busiest", dtype=Int32),
    ],
    source=orders,
    timestamp_field="hour",
    aggregations=[
        Aggregation(
            column="trips", function="sum", time_window=timedelta(hours=1), slide_interval=timedelta(minutes=5)
        ),
        Aggregation(column="trips", function="max", time_window=timedelta(days=7), name="busiest"),
    ],
)

ask = RequestSource(name="order_request", schema=[Field(name="basket", dtype=Float64), Field(name="km", dtype=Int64)])


@on_demand_feature_view(
    sources=[courier_hours, ask],
    schema=[Field(name="fit", dtype=Float64), Field(name="bonus", dtype=Float64)],
    description="How well it fits.",
)
def order_fit(inputs: pd.DataFrame) -> pd.DataFrame:
    """How well it fits."""
    out = pd.DataFrame()
    out["fit"] = inputs["accept_rate"] * 2.5 - (inputs["pay"] + inputs["km"])
    out["bonus"] = (inputs["basket"] + inputs["trips"]) * inputs["accept_rate"]
    return out


@on_demand_feature_view(sources=[courier_hours, ask], schema=[Field(name="shout", dtype=String)])
def order_words(inputs: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame()
    out["shout"] = inputs["basket"].astype(str) + "!"
    return out
