"""The four models of the river library that QUASAR runs, imported without what only river's other models need.

River's packages import all of their models, and with them scipy.stats and SQLAlchemy: 87 MB and a second of every
start. So the modules of the four are imported while the packages around them are passed over, and these are forgotten
again: whoever imports them later gets them whole. ``scipy.special``, which a loss that is not used here names, and
``numpy.f2py``, which scipy touches in passing, are entered and executed at their first use. See
docs/decisions/0010-river-in-quasar.md.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

_PASSED_OVER: Final = ("river.anomaly", "river.drift", "river.linear_model", "river.tree")
_LATER: Final = ("scipy.special", "numpy.f2py")


def _postpone(name: str) -> None:
    """Enter a module that is executed when something of it is first asked for."""
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)
    spec.loader.exec_module(module)


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Let modules of packages be imported while the packages themselves are not; one that is there already stays."""
    hollow = [name for name in names if name not in sys.modules]
    for name in hollow:
        spec = importlib.util.find_spec(name)
        module = sys.modules[name] = ModuleType(name)
        module.__path__ = list(spec.submodule_search_locations or []) if spec is not None else []
    try:
        yield
    finally:
        for name in hollow:
            for entered in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[entered]


for _name in _LATER:
    _postpone(_name)
with _without(_PASSED_OVER):
    # The module of the regression takes it from its package, which is hollow.
    importlib.import_module("river.linear_model.base")
    from river.__version__ import __version__
    from river.anomaly.hst import HalfSpaceTrees as _HalfSpaceTrees
    from river.drift.adwin import ADWIN as _ADWIN
    from river.drift.page_hinkley import PageHinkley as _PageHinkley
    from river.linear_model.log_reg import LogisticRegression as _LogisticRegression
    from river.optim import AdaGrad as _AdaGrad
    from river.utils import VectorDict as _VectorDict

# River is not typed to the standard of this project.
HalfSpaceTrees: Final[Any] = _HalfSpaceTrees
ADWIN: Final[Any] = _ADWIN
PageHinkley: Final[Any] = _PageHinkley
LogisticRegression: Final[Any] = _LogisticRegression
AdaGrad: Final[Any] = _AdaGrad
VectorDict: Final[Any] = _VectorDict
VERSION: Final[str] = __version__
