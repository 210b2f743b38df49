"""Tables on disk.

- `table`: the record and its JSON, read strictly by `schema`; `files`: written whole or not at all;
- `store`: the folders and what lies in them, `listing`: what there is; `centring`: tables that are derived from others.
"""
