"""What is stored of a library's object is its data, without the agents and inputs that it holds."""

from types import SimpleNamespace

from xpander_facade._serialization.jsonable import to_jsonable
from xpander_facade.usage import snapshot


def stored(value, **options):
    return to_jsonable(value, simplify=lambda thing: snapshot(thing, **options))


def model(**fields):
    """Return a model as Oracle's library has it: maps of its attributes, whose values are properties."""
    maps = {"swagger_types": dict.fromkeys(fields, "str"), "attribute_map": {name: name.upper() for name in fields}}
    made = type("Model", (), {name: property(lambda self, value=value: value) for name, value in fields.items()})()
    vars(made).update(maps)
    return made


class Embeddings:
    def __init__(self):
        self.embeddings = [[0.5]]
        self.total_tokens = 8
        self._client = object()


class RunResult:
    def __init__(self, steps):
        self.output, self.state, self.steps = "Done.", "success", steps
        self.token_usage = SimpleNamespace(input_tokens=3, output_tokens=2)

    def dict(self):
        return {}


def test_a_model_of_oracle_is_stored_by_the_names_of_its_json():
    assert stored(model(model_id="m", chat=model(text="Hi."), none=None)) == {"MODEL_ID": "m", "CHAT": {"TEXT": "Hi."}}


def test_a_bare_class_that_tells_its_usage_is_stored_by_its_attributes():
    assert stored(Embeddings()) == {"embeddings": [[0.5]], "total_tokens": 8}


def test_steps_are_stored_without_the_whole_input_that_each_of_them_holds():
    steps = [{"step_number": number, "model_input_messages": ["x" * 1_000] * 10} for number in range(20)]
    data = stored(RunResult(steps))
    assert data["_shortened"] == "RunResult"
    assert data["steps"] == [{"step_number": number} for number in range(20)]
    assert (data["output"], data["state"]) == ("Done.", "success")


def test_an_object_that_no_family_knows_stays_itself():
    for value in (object(), 5, "text", {"a": 1}, [1], SimpleNamespace(a=1), print):
        assert snapshot(value) is value


def test_an_object_that_fails_stays_itself():
    class Raising:
        def __getattribute__(self, name):
            raise RuntimeError(name)

    value = Raising()
    assert snapshot(value) is value


def test_what_shortens_can_be_left_out():
    result = RunResult([{"step_number": 1, "model_input_messages": ["x"]}])
    assert snapshot(result, shorten=False) is result
