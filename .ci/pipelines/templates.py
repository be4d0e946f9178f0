"""Reads the CloudFormation templates: pipelines, rules and roles."""

import json

import yaml


class Template:
    """A template, with the default values of its parameters."""

    def __init__(self, path, **parameters):
        self.path = path
        content = yaml.load(path.read_text(), Loader)
        self.resources = content["Resources"]
        self.values = {
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::Region": "us-east-1",
            "AWS::StackName": "demo",
        }
        for name, parameter in content["Parameters"].items():
            self.values[name] = parameters.get(name, parameter.get("Default"))

    def of_type(self, kind):
        return {name: it["Properties"] for name, it in self.resources.items() if it["Type"] == kind}

    def resolve(self, value):
        """Replaces parameters. Resources keep their names."""
        if isinstance(value, dict):
            return {name: self.resolve(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.resolve(member) for member in value]
        if isinstance(value, Call):
            return value.resolve(self.values)
        return value

    def actions(self, role):
        """The IAM actions of a role."""
        return actions(self.document(role))

    def document(self, role):
        [policy] = self.resources[role]["Properties"]["Policies"]
        return self.resolve(policy["PolicyDocument"])

    def ecs_action(self):
        """The configuration of the pipeline's ECS action."""
        [pipeline] = self.of_type("AWS::CodePipeline::Pipeline").values()
        found = [
            action
            for stage in pipeline["Stages"]
            for action in stage["Actions"]
            if action["ActionTypeId"]["Provider"] == "ECS"
        ]
        [action] = found
        return self.resolve(action["Configuration"])


def actions(document):
    """The actions of a policy document, in JSON or as a dictionary."""
    if isinstance(document, str):
        document = json.loads(document)
    found = set()
    for statement in document["Statement"]:
        action = statement["Action"]
        found.update([action] if isinstance(action, str) else action)
    return found


def permissions(document):
    """The pairs of action and resource of a policy document."""
    if isinstance(document, str):
        document = json.loads(document)
    several = lambda it: [it] if isinstance(it, str) else it
    return {
        (action, resource)
        for statement in document["Statement"]
        for action in several(statement["Action"])
        for resource in several(statement["Resource"])
    }


class Call:
    """An intrinsic function."""

    def __init__(self, name, argument):
        self.name, self.argument = name, argument

    def resolve(self, values):
        if self.name == "Ref":
            return values.get(self.argument, self.argument)
        if self.name == "Sub":
            text = self.argument
            for name, value in values.items():
                text = text.replace(f"${{{name}}}", str(value))
            return text
        return self.argument


class Loader(yaml.SafeLoader):
    """A YAML loader that knows the short forms of the functions."""


def construct(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return Call(suffix, loader.construct_scalar(node))
    return Call(suffix, loader.construct_sequence(node))


Loader.add_multi_constructor("!", construct)
