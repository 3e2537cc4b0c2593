"""The service as OpenAPI says it."""

from __future__ import annotations

import re

from serve.fakes import TOKEN, Fruit, Photo, app_of, once


def test_each_address_that_it_names_is_there() -> None:
    app = app_of(Fruit(), Photo())
    made = once(app, "/openapi.json").json
    assert made["openapi"] == "3.1.0" and len(made["paths"]) == 4 + 2 * 6
    for path, ways in made["paths"].items():
        for method, said in ways.items():
            got = once(app, path, {} if method == "post" else None)
            assert str(got.status) in said["responses"] and got.status in (200, 400), path
    row = made["paths"]["/v1/models/fruit/versions/1:predict"]["post"]["requestBody"]["content"]["application/json"]
    assert row["schema"]["properties"]["instances"]["items"] == Fruit().schema["input"]
    assert "security" not in made


def test_the_token_is_named_and_not_told() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    got = once(app_of(token=TOKEN), "/openapi.json", headers=headers)
    assert got.json["security"] == [{"token": []}] and not re.search(TOKEN, got.body.decode())
    assert once(app_of(token=TOKEN), "/openapi.json").status == 401
