"""Facts are read from `ansible_facts` alone, because a controller need not make variables of them (G7A)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for pattern in ("site.yml", "inventory.example.yml", "playbooks/*", "roles/**/*", "molecule/**/*", "README.md")
    for path in sorted(CHECKOUT.glob(pattern))
    if path.suffix in (".yml", ".j2", ".md")
]
# What Ansible itself always defines, and what an inventory sets; every other name of this form would be a fact.
NO_FACTS = {
    "ansible_facts", "ansible_check_mode", "ansible_become", "ansible_connection", "ansible_host", "ansible_user",
    "ansible_python_interpreter", "ansible_playbook_python", "ansible_collections",
    "ansible_run_tags", "ansible_skip_tags", "ansible_limit",
}  # fmt: skip
# Of modules that name their facts otherwise: getent, package_facts, service_facts.
BARE = re.compile(r"(?<![\w.])(?<!ansible_facts\[['\"])(?:ansible_\w+|getent_(?:passwd|group|shadow|gshadow)\b)")


def bare_names(text: str) -> set[str]:
    """Give the names in a text that only `inject_facts_as_vars` would define."""
    return set(BARE.findall(text)) - NO_FACTS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_no_fact_is_read_by_its_bare_name(path: Path) -> None:
    assert bare_names(path.read_text(encoding="utf-8")) == set()


def test_the_rule_sees_a_bare_fact_wherever_it_stands() -> None:
    for text in (
        "{{ ansible_distribution }}",
        "hostvars[h]['ansible_fqdn']",
        "when: ansible_os_family == 'x'",
        "(getent_passwd | default({}))[u]",
    ):
        assert bare_names(text), text
    for text in ("ansible_facts.distribution", "ansible_facts['getent_passwd']", "ansible_facts.getent_passwd[u]"):
        assert not bare_names(text), text


def test_the_checkout_s_own_plays_run_without_injected_facts() -> None:
    config = (CHECKOUT / "ansible.cfg").read_text(encoding="utf-8")
    assert re.search(r"^inject_facts_as_vars = False$", config, re.MULTILINE)
    shared = yaml.safe_load((CHECKOUT / ".config/molecule/config.yml").read_text(encoding="utf-8"))
    assert shared["provisioner"]["env"]["ANSIBLE_INJECT_FACT_VARS"] == "false"
