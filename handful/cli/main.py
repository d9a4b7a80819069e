"""``handful``: finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from handful.errors import ConfigError, HandfulError, suggest

MISTAKE, INTERRUPTED = 2, 130
"""Exit codes: something about the input is wrong; stopped from the keyboard."""


@dataclass(frozen=True)
class Verb:
    """A command: the function behind it, imported when it runs, and one line of help."""

    module: str
    function: str
    help: str


VERBS = {
    "demo": Verb("demo", "demo", "search drawn shelves for classes never seen, in minutes"),
    "detect": Verb("detect", "detect", "find what an example shows, in a picture or a folder"),
    "learn": Verb("learn", "learn", "learn new classes from a handful of boxes each"),
    "adapt": Verb("adapt", "adapt", "move a detector to pictures of another kind"),
    "evaluate": Verb("evaluate", "evaluate", "measure a model on a data set"),
    "export": Verb("export", "export", "write a trained detector as one ONNX graph"),
    "export-run preprocess": Verb("export", "preprocess", "prepare pictures for such a graph"),
    "export-run infer": Verb("export", "infer", "run the graph, and measure its time"),
    "export-run postprocess": Verb("export", "postprocess", "measure what the graph found"),
    "data info": Verb("data", "info", "say what a data set holds"),
    "data browse": Verb("data", "browse", "show pictures, boxes and sizes on a page"),
    "data convert": Verb("data", "convert", "write a data set in another format"),
    "data fewshot": Verb("data", "fewshot", "draw K boxes of each class"),
    "weights list": Verb("weights", "list_files", "list official files known by name"),
    "weights fetch": Verb("weights", "fetch", "fetch an official file"),
    "weights convert": Verb("weights", "convert", "turn an original checkpoint into a weight file"),
    "weights show": Verb("weights", "show", "print the card of a weight file"),
    "surgery remove": Verb("surgery", "remove", "take the last layer off a base detector"),
    "surgery randinit": Verb("surgery", "randinit", "give a base detector a head for more classes"),
    "surgery combine": Verb("surgery", "combine", "join the heads of a base and a novel detector"),
    "sweep": Verb("sweep", "sweep", "run a few-shot recipe for every split, K and seed"),
    "train": Verb("train", "train", "train by a recipe, published or our own"),
    "curves": Verb("curves", "curves", "draw losses and figures of several runs together"),
    "bench oneshot": Verb("bench", "oneshot", "measure time and memory a class costs"),
    "bench evaluate": Verb("bench", "evaluate", "measure what COCO's metrics cost"),
    "bench train": Verb("bench", "training", "measure what a training step costs"),
    "bench assignment": Verb("bench", "assignment", "measure what giving points to objects costs"),
    "bench pictures": Verb("bench", "pictures", "measure how fast mosaics are made"),
    "bench memory": Verb("bench", "memory", "measure what making a domain's memory takes"),
}

TAKE_FIELDS = ("train", "learn", "adapt", "sweep")
"""Commands in which ``--train.lr 0.1`` changes a field of the recipe."""

USAGE = "handful [--version] [--debug] COMMAND …"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        return run(words)
    except HandfulError as error:
        if debug:
            raise
        _complain(str(error))
        return MISTAKE
    except KeyboardInterrupt:
        _complain("stopped")
        return INTERRUPTED


def run(words: Sequence[str]) -> int:
    """Run the command that ``words`` name; raises ``HandfulError`` for a user's mistake."""
    if words and words[0] == "--version":
        import handful

        sys.stdout.write(f"handful {handful.__version__}\n")
        return 0
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in VERBS and len(words) >= length:
            return _call(name, list(words[length:]))
    return _overview(words)


def _call(name: str, arguments: list[str]) -> int:
    import tyro

    from handful.cli.fields import dotted_as_changes

    verb = VERBS[name]
    if name in TAKE_FIELDS:
        arguments = dotted_as_changes(arguments)
    function = getattr(import_module(f"handful.cli.{verb.module}"), verb.function)
    config = (tyro.conf.FlagCreatePairsOff,)
    try:
        tyro.cli(function, args=arguments, prog=f"handful {name}", config=config)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else MISTAKE
    return 0


def _overview(words: Sequence[str]) -> int:
    """Print the commands, or those of one group such as ``data``."""
    asked = [word for word in words if not word.startswith("-")]
    group = asked[0] if asked else ""
    fitting = [name for name in VERBS if not group or name.split()[0] == group]
    wants_help = not words or any(word in ("-h", "--help") for word in words) or words == [group]
    if not fitting or len(asked) > 1 or not wants_help:
        given = " ".join(asked[:2] or words[:1])
        raise ConfigError(
            "no such command", got=f"'{given}'", remedy=suggest(given, fitting or VERBS)
        )
    lines = [f"usage: {USAGE}", "", "Find new objects in pictures from a handful of examples.", ""]
    lines += [f"  {name:<18}{VERBS[name].help}" for name in fitting]
    lines += [
        "",
        "'handful COMMAND --help' explains a command; --debug shows all of an error.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"error: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
