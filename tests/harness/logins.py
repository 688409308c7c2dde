"""Clients of every authentication mode: what an operator sets up through the API, and what the client then sends."""
import itertools
import json

from .expect import answered
from .mqtt import password
from .mqtt5 import Peer
from .packets import V5
from .tokens import in_ms

_count = itertools.count(1)
BAD_LOGIN = {3: 4, 4: 4, 5: 0x86}
NOT_AUTHORIZED = {3: 5, 4: 5, 5: 0x87}
BANNED = {3: 5, 4: 5, 5: 0x8A}
BAD_CLIENT_ID = {3: 2, 4: 2, 5: 0x85}


def client_id():
    return f"GID_login@@@{next(_count)}"


def call(stack, operation, api=None, **params):
    """The answer of an operation on the stack's instance, which the broker has applied."""
    reply = (api or stack.api).v3(operation, {"InstanceId": stack.instance, **params})
    body = answered(reply, operation)
    stack.applied(reply)
    return body


def peer(stack, user=None, pw=None, name=None, version=V5, reason=0, port=None, **opening):
    """One that sent CONNECT with this user name and password and was answered with that reason."""
    p = Peer(port or stack.tcp_port, client_id() if name is None else name, version)
    p.connect(reason=reason, **{k: v for k, v in {"user": user, "pw": pw}.items() if v is not None}, **opening)
    return p


def signed(stack, name=None, **opening):
    """Of the mode Signature, which may everything."""
    name = name or client_id()
    return peer(stack, f"Signature|{stack.key_id}|{stack.instance}", password(stack.secret, name), name, **opening)


# ---- Token ----

def token(stack, topics, actions="RW", ends_in=3600, api=None):
    return call(stack, "ApplyToken", api, Resources=",".join(topics), Actions=",".join(actions), ExpireTime=str(in_ms(ends_in)))["Token"]


def with_token(stack, text, name=None, **opening):
    """text: the whole password."""
    return peer(stack, f"Token|{stack.key_id}|{stack.instance}", text, name, **opening)


def upload(text, kind):
    return json.dumps({"token": text, "type": kind})


# ---- DeviceCredential ----

def credential(stack, name, operation="RegisterDeviceCredential"):
    """(DeviceAccessKeyId, DeviceAccessKeySecret)"""
    made = call(stack, operation, ClientId=name)["DeviceCredential"]
    return made["DeviceAccessKeyId"], made["DeviceAccessKeySecret"]


def with_credential(stack, made, name, **opening):
    return peer(stack, f"DeviceCredential|{made[0]}|{stack.instance}", password(made[1], name), name, **opening)


# ---- Custom ----

def identity(stack, user, secret, name=None, mode="ORIGIN", operation="AddCustomAuthIdentity"):
    of = {"IdentityType": "CLIENT", "ClientId": name} if name else {"IdentityType": "USER"}
    call(stack, operation, Username=user, Secret=secret, SignMode=mode, **of)


def no_identity(stack, user, name=None):
    of = {"IdentityType": "CLIENT", "ClientId": name} if name else {"IdentityType": "USER"}
    call(stack, "DeleteCustomAuthIdentity", Username=user, **of)


def permit(stack, who, topic, action="PUB_SUB", effect="ALLOW", kind="USER", operation="AddCustomAuthPermission"):
    call(stack, operation, Identity=who, IdentityType=kind, Topic=topic, PermitAction=action, Effect=effect)


def forbid(stack, who, topic, kind="USER"):
    """Takes a permission away."""
    call(stack, "DeleteCustomAuthPermission", Identity=who, IdentityType=kind, Topic=topic)


def blacken(stack, name, operation="AddCustomAuthConnectBlack"):
    call(stack, operation, ClientId=name)
