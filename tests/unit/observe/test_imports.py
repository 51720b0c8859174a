from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import zipfile

import pytest

from epochal.observe import imports
from epochal.testing import programs

pytestmark = pytest.mark.epochal_strict


@pytest.fixture
def site(tmp_path, monkeypatch, request):
    """A folder on the path; ``site(name, source)`` writes a module with a name of this test's own."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    names = []

    def write(name, source="x = 1\n", where=folder):
        name = f"{name}_{abs(hash(request.node.name))}"
        (where / f"{name}.py").write_text(source.replace("NAME", name))
        importlib.invalidate_caches()
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)
        for hook in list(imports._hooks.get(name, ())):
            imports.forget(name, hook)


def hear(name):
    heard = []
    imports.when_imported(name, heard.append)
    return heard


def test_a_hook_is_called_after_the_import(site):
    name = site("a")
    heard = hear(name)
    assert heard == []
    module = importlib.import_module(name)
    assert heard == [module]
    assert module.x == 1


def test_what_is_imported_already_is_heard_of_at_once(site):
    name = site("a")
    module = importlib.import_module(name)
    assert hear(name) == [module]


def test_the_module_keeps_its_own_loader(site):
    name = site("a")
    hear(name)
    module = importlib.import_module(name)
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert "exec_module" not in vars(module.__loader__)
    assert module.__spec__.loader is module.__loader__


def test_submodules_are_found_on_their_packages_path(tmp_path, monkeypatch):
    package = tmp_path / "pack_sub" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "pack_sub" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("y = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    heard = hear("pack_sub.inner")
    module = importlib.import_module("pack_sub.inner")
    assert heard == [module]
    imports.forget("pack_sub.inner", heard.append)


def test_a_module_half_imported_is_heard_of_when_it_is_whole(site):
    name = site("half", "from epochal.observe import imports\nSEEN = []\n"
        "imports.when_imported('NAME', lambda m: SEEN.append(m.late))\nlate = 1\n")  # fmt: skip
    module = importlib.import_module(name)
    assert module.SEEN == []
    importlib.import_module(site("next"))
    assert module.SEEN == [1]


def test_a_failing_import_is_tried_again(site, tmp_path):
    name = site("broken", "raise ValueError('first')\n")
    heard = hear(name)
    with pytest.raises(ValueError, match="first"):
        importlib.import_module(name)
    assert heard == []
    (tmp_path / "site" / f"{name}.py").write_text("x = 1  # mended\n")
    importlib.invalidate_caches()
    module = importlib.import_module(name)
    assert heard == [module]


def test_a_reload_is_heard_of_again(site):
    name = site("again")
    heard = hear(name)
    module = importlib.import_module(name)
    importlib.reload(module)
    assert heard == [module, module]
    del sys.modules[name]
    other = importlib.import_module(name)
    assert heard == [module, module, other]


def test_a_module_that_replaces_itself(site):
    name = site("lazy", "import sys, types\nsys.modules[__name__] = types.SimpleNamespace(real=1)\n")
    heard = hear(name)
    importlib.import_module(name)
    assert heard[0].real == 1


def test_an_error_in_a_hook_does_not_break_the_import(site, swallowed):
    name = site("fragile")
    imports.when_imported(name, lambda module: 1 / 0)
    assert importlib.import_module(name).x == 1
    assert isinstance(swallowed.pop(), ZeroDivisionError)


def test_other_listeners_that_ask_everybody(site, monkeypatch):
    """wrapt's finder, which OpenTelemetry and MLflow bring along, asks the whole path again."""
    name, asked = site("both"), []

    class Other:
        busy = False

        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if cls.busy:
                return None
            cls.busy = True
            try:
                asked.append(name)
                return importlib.util.find_spec(name)
            finally:
                cls.busy = False

    heard = hear(name)
    for position in (0, len(sys.meta_path)):
        monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
        sys.meta_path.insert(position, Other)
        module = importlib.import_module(name)
        assert heard.pop() is module
        assert heard == []
        assert "exec_module" not in vars(module.__loader__)
        del sys.modules[name]
        sys.meta_path.remove(Other)
    assert name in asked


def test_an_old_finder_without_find_spec_is_passed_over(site, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [object(), *sys.meta_path])
    name = site("a")
    heard = hear(name)
    others = [finder for finder in sys.meta_path if finder is not imports._Listener]
    monkeypatch.setattr(sys, "meta_path", [imports._Listener, *others, object()])
    assert heard == [importlib.import_module(name)]


def test_modules_in_a_zip_file(site, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("zipped_one.py", "import zipped_two\nx = zipped_two.x\n")
        archive.writestr("zipped_two.py", "x = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path / "z.zip"))
    one, two = hear("zipped_one"), hear("zipped_two")
    module = importlib.import_module("zipped_one")
    assert one == [module]
    assert two == [sys.modules["zipped_two"]]
    for name, heard in (("zipped_one", one), ("zipped_two", two)):
        imports.forget(name, heard.append)
        del sys.modules[name]


def test_a_lazy_loader_is_not_forced(site):
    name = site("late", "x = 5\nLOADED = True\n")
    heard = hear(name)
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    assert heard == []
    assert module.x == 5
    assert heard == [module]


def test_imported_in_several_threads_it_is_heard_of_once(site):
    name = site("threads", "import time; time.sleep(0.05)\n")
    heard = hear(name)
    threads = [threading.Thread(target=importlib.import_module, args=(name,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 1


def test_with_the_last_hook_the_listener_leaves(site):
    script = (
        "import sys; before = list(sys.meta_path)\n"
        "from epochal.observe import imports\n"
        "hooks = [lambda m: None, lambda m: None]\n"
        "[imports.when_imported('nowhere', hook) for hook in hooks]\n"
        "assert len(sys.meta_path) == len(before) + 1\n"
        "imports.forget('nowhere', hooks[0]); assert sys.meta_path != before\n"
        "imports.forget('nowhere', hooks[1]); assert sys.meta_path == before\n"
        "imports.forget('nowhere', hooks[1])"
    )
    programs.python(script)
