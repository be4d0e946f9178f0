"""Holds answers of the emulator against the service models of botocore: member names, types, enums,
required members, and the errors that an operation has. Nothing here knows the emulator's rules.

    model.py ANSWERS…

ANSWERS are files that the emulator wrote, one answer a line, because `LOCAL_AWS_ANSWERS` named them.
"""

import base64
import collections
import json
import sys
import xml.etree.ElementTree as ElementTree

import botocore.session

# What every service answers, whatever the operation: AWS's lists of common errors, and the codes of
# its protocols.
COMMON = {
    "json": {
        "AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException",
        "InvalidSignatureException", "MissingAuthenticationTokenException",
        "SerializationException", "ServerException", "ServiceUnavailable", "ThrottlingException",
        "UnknownOperationException", "UnrecognizedClientException",
    },
    "query": {
        "AccessDenied", "ExpiredToken", "IncompleteSignature", "InternalFailure", "InvalidAction",
        "InvalidClientTokenId", "MissingAuthenticationToken", "ServiceUnavailable",
        "SignatureDoesNotMatch", "Throttling", "ValidationError",
    },
}
# `Fault::LimitExceeded` meets any operation.
COMMON["json"].add("LimitExceededException")


class Models:
    def __init__(self):
        session = botocore.session.get_session()
        names = ("ecr", "ecs", "sts")
        self.services = {name: session.get_service_model(name) for name in names}
        # botocore's shapes leave this out.
        self.faults = {
            (name, shape)
            for name in names
            for shape, it in session.get_service_data(name)["shapes"].items()
            if it.get("fault")
        }

    def violations(self, answer):
        """What is wrong with one answer, each as `PLACE: PROBLEM`."""
        service = self.services.get(answer["service"])
        operation = answer["operation"]
        if service is None or operation not in service.operation_names:
            # The emulator answers an operation that it doesn't know with an error alone.
            return [] if answer["status"] != 200 else [f"{operation}: not in the model, and answered"]
        operation = service.operation_model(operation)
        if service.metadata["protocol"] == "query":
            return list(self.xml(service, operation, answer))
        body = json.loads(answer["body"])
        if answer["status"] == 200:
            return list(shape(operation.output_shape, body, operation.name))
        return list(self.error(answer["service"], operation, answer["status"], body))

    def error(self, service, operation, status, body):
        code = body.pop("__type", None)
        modelled = {it.error_code: it for it in operation.error_shapes}
        place = f"{operation.name}: {code}"
        if code in modelled:
            # ECR and ECS write `message` in lower case, whatever the model has.
            members = {name.lower(): name for name in modelled[code].members}
            named = {members.get(name.lower(), name): value for name, value in body.items()}
            # Every error has a message, in the model or not.
            if "message" not in members:
                named.pop("message", None)
            yield from shape(modelled[code], named, place)
            if (status >= 500) != ((service, modelled[code].name) in self.faults):
                yield f"{place}: HTTP {status}"
        elif code not in COMMON["json"]:
            yield f"{place}: the operation doesn't have this error"
        elif set(body) - {"message"}:
            yield f"{place}: members {sorted(body)}"

    def xml(self, service, operation, answer):
        root = ElementTree.fromstring(answer["body"])
        if answer["status"] == 200:
            result = child(root, f"{operation.name}Result")
            yield from xml_shape(operation.output_shape, result, operation.name)
            return
        code = child(child(root, "Error"), "Code").text
        modelled = {it.error_code for it in operation.error_shapes}
        if code not in modelled | COMMON["query"]:
            yield f"{operation.name}: {code}: the operation doesn't have this error"


def shape(model, value, place):
    """Holds a JSON value against a shape of the model."""
    if model is None:
        if value != {}:
            yield f"{place}: the model has no output"
        return
    check = {
        "blob": lambda: isinstance(value, str) and base64.b64decode(value, validate=True) is not None,
        "boolean": lambda: isinstance(value, bool),
        "double": lambda: is_number(value),
        "float": lambda: is_number(value),
        "integer": lambda: is_number(value) and isinstance(value, int),
        "list": lambda: isinstance(value, list),
        "long": lambda: is_number(value) and isinstance(value, int),
        "map": lambda: isinstance(value, dict),
        "string": lambda: isinstance(value, str),
        "structure": lambda: isinstance(value, dict),
        # awsJson1.1: seconds since the Unix epoch.
        "timestamp": lambda: is_number(value),
    }[model.type_name]
    if getattr(model, "is_document_type", False):
        return
    if not check():
        yield f"{place}: {json.dumps(value)} is not a {model.type_name}"
    elif model.type_name == "list":
        for position, element in enumerate(value):
            yield from shape(model.member, element, f"{place}[{position}]")
    elif model.type_name == "map":
        for key, element in value.items():
            yield from shape(model.key, key, f"{place}[{key!r}]")
            yield from shape(model.value, element, f"{place}[{key!r}]")
    elif model.type_name == "string" and model.enum and value not in model.enum:
        yield f"{place}: {value!r} is not one of {model.enum}"
    elif model.type_name == "structure":
        for name in set(model.required_members) - set(value):
            yield f"{place}.{name}: required, and absent"
        if getattr(model, "is_tagged_union", False) and len(value) != 1:
            yield f"{place}: a union of {sorted(value)}"
        for name, member in value.items():
            if name not in model.members:
                yield f"{place}.{name}: not in the model"
            else:
                yield from shape(model.members[name], member, f"{place}.{name}")


def xml_shape(model, element, place):
    if model.type_name != "structure":
        if len(element):
            yield f"{place}: not a {model.type_name}"
        return
    names = [it.tag.rpartition("}")[2] for it in element]
    for name in set(model.required_members) - set(names):
        yield f"{place}.{name}: required, and absent"
    for name, inner in zip(names, element):
        if name not in model.members:
            yield f"{place}.{name}: not in the model"
        else:
            yield from xml_shape(model.members[name], inner, f"{place}.{name}")


def child(element, name):
    return next(it for it in element if it.tag.rpartition("}")[2] == name)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def main(files):
    models = Models()
    count, operations = 0, set()
    problems = collections.Counter()
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                answer = json.loads(line)
                count += 1
                operations.add(answer["operation"])
                problems.update(models.violations(answer))
    for problem, times in problems.most_common():
        print(f"{problem} ({times} times)")
    if not count:
        sys.exit("no answers: the witness has seen nothing")
    if problems:
        sys.exit(1)
    print(f"{count} answers of {len(operations)} operations are as botocore's models have them")


if __name__ == "__main__":
    main(sys.argv[1:])
