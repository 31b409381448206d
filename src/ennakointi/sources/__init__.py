"""Sources: tables in files or in a database, found, opened and staged for the one door in.

A source is a folder. Its tables are the data contract's own, or those of a source system that a mapping document
turns into the contract's. `discover` reads headers only, `staging` reads rows, `store` checks them.
"""

from ennakointi.sources.discovery import discover as discover
from ennakointi.sources.source import CSV as CSV
from ennakointi.sources.source import PARQUET as PARQUET
from ennakointi.sources.source import SERVER as SERVER
from ennakointi.sources.source import XLSX as XLSX
from ennakointi.sources.source import Source as Source
from ennakointi.sources.source import SourceFile as SourceFile
