"""The API's description as HTML, for the page at /docs: docs_html(description) -> str. Made when Qflow is built, so that
the page needs no script."""

import html

METHODS = ("get", "post", "put", "patch", "delete")


def escaped(text):
    return html.escape(str(text), quote=True)


def name_of(reference):
    return reference.rsplit("/", 1)[1]


class Docs:
    def __init__(self, description):
        self.whole = description
        self.parts = description["components"]

    def resolved(self, value, kind):
        return self.parts[kind][name_of(value["$ref"])] if "$ref" in value else value

    def type_of(self, schema):
        """A schema in a few words, with links to those that have names."""
        if "$ref" in schema:
            name = escaped(name_of(schema["$ref"]))
            return f'<a href="#schema-{name}">{name}</a>'
        for joined, word in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
            if joined in schema:
                return word.join(self.type_of(one) for one in schema[joined])
        if "const" in schema:
            return f"<code>{escaped(str(schema['const']).lower())}</code>"
        if "enum" in schema:
            return " or ".join(f"<code>{escaped(one)}</code>" for one in schema["enum"])
        kind = schema.get("type", "any value")
        if kind == "array" and schema.get("items"):
            return "list of " + self.type_of(schema["items"])
        if kind == "object" and schema.get("properties"):
            return self.members(schema)
        words = " or ".join(kind) if isinstance(kind, list) else kind
        if "format" in schema:
            words += f" ({schema['format']})"
        return escaped(words)

    def members(self, schema):
        needed = schema.get("required", ())
        rows = []
        for name, member in schema["properties"].items():
            about = member.get("description", "")
            about = f" – {escaped(about)}" if about else ""
            star = " <b>required</b>" if name in needed else ""
            rows.append(f"<li><code>{escaped(name)}</code>{star}: {self.type_of(member)}{about}</li>")
        return "<ul>" + "".join(rows) + "</ul>"

    def parameters(self, shared, operation):
        rows = []
        for one in [*shared, *operation.get("parameters", ())]:
            one = self.resolved(one, "parameters")
            rows.append(
                f"<tr><td><code>{escaped(one['name'])}</code></td><td>{escaped(one['in'])}</td>"
                f"<td>{self.type_of(one['schema'])}</td><td>{escaped(one.get('description', ''))}</td></tr>"
            )
        return "<table>" + "".join(rows) + "</table>" if rows else ""

    def content(self, content):
        return ", ".join(
            ("" if kind == "application/json" else f"<code>{escaped(kind)}</code> ") + self.type_of(one.get("schema", {}))
            for kind, one in content.items()
        )

    def operation(self, path, method, shared, operation):
        out = [
            f'<section id="{escaped(operation["operationId"])}"><h3><code>{method.upper()} {escaped(path)}</code></h3>',
            f"<p>{escaped(operation['summary'])}{self.access(operation)}</p>",
        ]
        if operation.get("description"):
            out.append(f"<p>{escaped(operation['description'])}</p>")
        out.append(self.parameters(shared, operation))
        if "requestBody" in operation:
            body = self.resolved(operation["requestBody"], "requestBodies")
            out.append(f"<p>Body: {self.content(body['content'])}</p>")
        rows = []
        for status, answer in operation["responses"].items():
            answer = self.resolved(answer, "responses")
            kinds = self.content(answer.get("content", {}))
            rows.append(f"<tr><td>{escaped(status)}</td><td>{escaped(answer['description'])}</td><td>{kinds}</td></tr>")
        out.append("<table>" + "".join(rows) + "</table></section>")
        return "".join(out)

    @staticmethod
    def access(operation):
        return " · open to everybody" if operation.get("security") == [{}] else ""

    def html(self):
        by_tag = {tag["name"]: [] for tag in self.whole["tags"]}
        for path, item in self.whole["paths"].items():
            for method in METHODS:
                if method in item:
                    by_tag[item[method]["tags"][0]].append((path, method, item.get("parameters", ()), item[method]))
        about = escaped(self.whole["info"]["description"])
        out = [f"<p>{about}</p><nav>"]
        out += [f'<a href="#tag-{escaped(tag)}">{escaped(tag)}</a> ' for tag in by_tag]
        out.append('<a href="#schemas">schemas</a></nav>')
        for tag in self.whole["tags"]:
            out.append(f'<h2 id="tag-{escaped(tag["name"])}">{escaped(tag["description"])}</h2>')
            out += [self.operation(*one) for one in by_tag[tag["name"]]]
        out.append('<h2 id="schemas">Schemas</h2>')
        for name, schema in self.parts["schemas"].items():
            about = f"<p>{escaped(schema['description'])}</p>" if "description" in schema else ""
            out.append(f'<section id="schema-{escaped(name)}"><h3>{escaped(name)}</h3>{about}<p>{self.type_of(schema)}</p></section>')
        return "\n".join(out)


def docs_html(description):
    return Docs(description).html()
