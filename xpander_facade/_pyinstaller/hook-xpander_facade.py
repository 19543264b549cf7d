"""Hook for PyInstaller: the contract and the page of the local platform, and the modules that are imported by name."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

from xpander_facade._process.imports import module_names

datas = collect_data_files("xpander_facade")
hiddenimports = [
    *(
        name
        for name in (*collect_submodules("xpander_facade", on_error="ignore"), *collect_submodules("xpander_api"))
        if not name.startswith(("xpander_facade.testing", "xpander_facade._pyinstaller"))
    ),
    *module_names(),
]
