"""What a Feast project says, read from its registry, as definitions of asof. Pure: bytes and text in, text out.

registry bytes --wire--> message --registry--> Project --lower--> documents with notes --yaml_text--> files
Python files  --python_source-------------------^
feature_store.yaml --settings--> asof.yaml
"""
