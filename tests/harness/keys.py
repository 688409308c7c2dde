"""Access keys with grants, made through the API. A grant is written "write@mqtt-a": what, @, on which instance."""
from .api import Api
from .expect import answered


def grants(*texts):
    """The parameters Grants.1.Action, Grants.1.MqttInstanceId, ..."""
    params = {}
    for n, text in enumerate(texts, 1):
        params[f"Grants.{n}.Action"], params[f"Grants.{n}.MqttInstanceId"] = text.split("@")
    return params


def texts(key):
    """What a key of an answer may do, in the same form."""
    return [f"{g['Action']}@{g['MqttInstanceId']}" for g in key["Grants"]]


def make_key(api, *wanted, **params):
    """A new key as another Api; `.made` is what CreateAccessKey said of it."""
    made = answered(api.v3("CreateAccessKey", {**params, **grants(*wanted)}), "CreateAccessKey")["AccessKey"]
    key = Api(api.port, made["AccessKeyId"], made["AccessKeySecret"], api.host, api.tls)
    key.made = made
    return key


def regrant(api, key_id, *wanted):
    return answered(api.v3("SetAccessKeyGrants", {"UserAccessKeyId": key_id, **grants(*wanted)}), "SetAccessKeyGrants")


def update(api, key_id, **params):
    return answered(api.v3("UpdateAccessKey", {"UserAccessKeyId": key_id, **params}), "UpdateAccessKey")


def listed(api, key_id):
    """The row of ListAccessKeys, None when it is not there."""
    rows = answered(api.v3("ListAccessKeys", {"PageSize": "1000"}), "ListAccessKeys")["AccessKeys"]
    return next((row for row in rows if row["AccessKeyId"] == key_id), None)
