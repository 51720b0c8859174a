"""Names for runs that nobody named: two words and a number, read off the run's id.

(coolname knows more words, and takes 30 ms to load them; a run starts in less than 10.)
"""

from __future__ import annotations

_FIRST = """
    able amber azure bold brave breezy bright brisk calm candid clear clever coral cosmic crimson crisp
    curious daring dawn deft eager early easy fair fleet fond frosty gentle glad golden grand green
    happy hazel honest humble indigo ivory jade jolly keen kind lively lucid lunar merry mild misty
    mossy neat noble olive pearl plucky polar proud quick quiet rapid rosy ruby rustic sage scarlet
    serene sharp shiny silver sleek smooth snowy solar spry steady still sunny swift tidy topaz trusty
    velvet vivid warm wise witty young zesty
""".split()  # noqa: SIM905 - two hundred lines otherwise
_SECOND = """
    acorn alder anchor aspen badger basin beacon bear birch bison brook canyon cedar cliff cloud comet
    crane creek delta dingo dove dune eagle elk ember falcon fern finch fjord forest fox garnet glacier
    glade grove harbor hare hawk heron hill ibis island jay kestrel lagoon lake lark laurel lemur lion
    lynx maple marsh martin meadow mesa moon moose nebula newt oak ocean orca osprey otter owl panda
    peak pine plover pond puffin quail quartz raven reef ridge river robin sable seal shore sparrow
    spruce star stone stork summit swan thrush tide tiger trail valley vole walrus willow wolf wren
""".split()  # noqa: SIM905 - two hundred lines otherwise


def name_of(run_id: str) -> str:
    """Name a run after its id: the same id always gives the same name."""
    noise = int(run_id[16:], 16)
    noise, first = divmod(noise, len(_FIRST))
    noise, second = divmod(noise, len(_SECOND))
    return f"{_FIRST[first]}-{_SECOND[second]}-{noise % 1000}"
