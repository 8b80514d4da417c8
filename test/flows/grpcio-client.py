"""What a stranger with Python's grpcio sees of us: server reflection and calls, without a line of generated code.

Reads a JSON list of jobs from stdin and prints a JSON list of what came of them.
  {"address", "ca", "cert"?, "key"?, "list": "v1" | "v1alpha"}            -> {"services": [...]}
  {"address", "ca", "cert"?, "key"?, "call": "package.Service/Method", "request": {...}} -> {"answer": {...}}
What is refused becomes {"code", "message", "reason"}; reason is that of google.rpc.ErrorInfo.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TIMEOUT = 60
FIELD = descriptor_pb2.FieldDescriptorProto


def messages(package, fields_of):
    """Message classes from {message: [(name, number, type, repeated)]}; a type that is no number names a message."""
    file = descriptor_pb2.FileDescriptorProto(name=f"by-hand/{package}.proto", package=package, syntax="proto3")
    for name, fields in fields_of.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
            if isinstance(kind, str):
                message.field.add(
                    name=field, number=number, label=label, type=FIELD.TYPE_MESSAGE, type_name=f".{package}.{kind}"
                )
            else:
                message.field.add(name=field, number=number, label=label, type=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: class_of(pool, f"{package}.{name}") for name in fields_of}


def class_of(pool, name):
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def reflection(version):
    """The messages of server reflection, from its specification."""
    return messages(
        f"grpc.reflection.{version}",
        {
            "ServerReflectionRequest": [
                ("host", 1, FIELD.TYPE_STRING, False),
                ("file_containing_symbol", 4, FIELD.TYPE_STRING, False),
                ("list_services", 7, FIELD.TYPE_STRING, False),
            ],
            "ServerReflectionResponse": [
                ("file_descriptor_response", 4, "FileDescriptorResponse", False),
                ("list_services_response", 6, "ListServiceResponse", False),
            ],
            "FileDescriptorResponse": [("file_descriptor_proto", 1, FIELD.TYPE_BYTES, True)],
            "ListServiceResponse": [("service", 1, "ServiceResponse", True)],
            "ServiceResponse": [("name", 1, FIELD.TYPE_STRING, False)],
        },
    )


ERRORS = messages(
    "google.rpc",
    {
        "Status": [("details", 3, "Any", True)],
        "Any": [("type_url", 1, FIELD.TYPE_STRING, False), ("value", 2, FIELD.TYPE_BYTES, False)],
        "ErrorInfo": [("reason", 1, FIELD.TYPE_STRING, False), ("domain", 2, FIELD.TYPE_STRING, False)],
    },
)


def ask(channel, version, **question):
    """One question on one stream of the reflection service."""
    of = reflection(version)
    # proto3 does not send an empty string, but in a oneof its presence is the question: 0x3a is field 7, 0x00 its length.
    request = of["ServerReflectionRequest"](**question).SerializeToString() or b"\x3a\x00"
    stream = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=lambda sent: sent,
        response_deserializer=of["ServerReflectionResponse"].FromString,
    )
    return next(stream(iter([request]), timeout=TIMEOUT))


def list_services(channel, version):
    listed = ask(channel, version, list_services="")
    return {"services": sorted(service.name for service in listed.list_services_response.service)}


def call(channel, path, request):
    """Calls a unary method of which nothing is known but what the server itself says of it."""
    service, method = path.split("/")
    pool = descriptor_pool.DescriptorPool()
    # Sent with all they import; the pool wants what is imported first.
    waiting = [
        descriptor_pb2.FileDescriptorProto.FromString(encoded)
        for encoded in ask(channel, "v1", file_containing_symbol=service).file_descriptor_response.file_descriptor_proto
    ]
    known = set()
    while waiting:
        ready = [file for file in waiting if known.issuperset(file.dependency)]
        if not ready:
            raise ValueError(f"the server did not send what {[file.name for file in waiting]} import")
        for file in ready:
            pool.Add(file)
            known.add(file.name)
            waiting.remove(file)
    described = pool.FindServiceByName(service).FindMethodByName(method)
    stub = channel.unary_unary(
        f"/{path}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=class_of(pool, described.output_type.full_name).FromString,
    )
    asked = json_format.ParseDict(request, class_of(pool, described.input_type.full_name)(), descriptor_pool=pool)
    answer = stub(asked, timeout=TIMEOUT)
    return {"answer": json_format.MessageToDict(answer, descriptor_pool=pool)}


def reason_of(error):
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in ERRORS["Status"].FromString(value).details:
            if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                return ERRORS["ErrorInfo"].FromString(detail.value).reason
    return ""


def read(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def do(job):
    if job.get("plaintext"):
        channel = grpc.insecure_channel(job["address"])
    else:
        credentials = grpc.ssl_channel_credentials(read(job["ca"]), read(job.get("key")), read(job.get("cert")))
        channel = grpc.secure_channel(job["address"], credentials)
    try:
        if "list" in job:
            return list_services(channel, job["list"])
        return call(channel, job["call"], job.get("request", {}))
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details(), "reason": reason_of(error)}
    finally:
        channel.close()


json.dump([do(job) for job in json.load(sys.stdin)], sys.stdout)
