"""docs/clients.md: true to the tests, and up to date."""
from client_cells import CLIENTS, DOCUMENT, LACKS, STORIES, cells, document, functions


def test_every_story_is_a_test_and_every_test_is_in_the_table():
    assert functions("test_clients_stories", "test_clients_mqtt5") == list(STORIES)


def test_every_client_tells_every_story_but_those_that_say_why():
    for story, (_, versions, transports) in STORIES.items():
        for client, (_, has, over) in CLIENTS.items():
            lacks = (client, story) in LACKS
            assert bool([c for c in cells(story) if c[0] == client]) == (not lacks and bool(set(has) & set(versions))), (client, story)
            assert set(over) & set(transports), f"{client} has none of the transports of {story}"


def test_the_document_is_up_to_date():
    """tests/flow/client_cells.py writes it."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()
