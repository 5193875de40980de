"""Holds manifests against the models of Kubernetes' own client for Python.

    check_manifests.py < MANIFESTS

Each document becomes the model of its kind, which refuses values that it cannot have, and must come back from it as it
was: a key that the model does not know would be lost. Prints kind and name of each.
"""

import json
import sys

import yaml
from kubernetes import client

MODELS = {"CronJob": "V1CronJob", "PersistentVolumeClaim": "V1PersistentVolumeClaim"}


for document in yaml.safe_load_all(sys.stdin):
    api = client.ApiClient()
    model = api.deserialize(json.dumps(document), MODELS[document["kind"]], "application/json")
    back = api.sanitize_for_serialization(model)
    assert back == document, f"{json.dumps(document, sort_keys=True)}\n{json.dumps(back, sort_keys=True)}"
    print(document["kind"], document["metadata"]["name"])
