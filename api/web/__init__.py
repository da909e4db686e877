"""The web pages: a thin shell from templates, filled in the browser from `/api/v1` by ES modules.

A kind's own pages live in `api/kinds/<kind>/web/`, a package with `PAGES`: templates, modules, `icon.svg`,
and where it has one the panel `device.js` that the device page shows. They are found at start; its words stand in
`devices/<kind>/wording/`.
"""
