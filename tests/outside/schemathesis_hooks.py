"""Refusals of well-formed requests that no schema could have foretold.

`positive_data_acceptance` expects 2xx for whatever fits the document. Dropped are its complaints about an answer whose
every error is of a rule that JSON Schema cannot say; one error of another kind, and it stands.
"""

import re
import urllib.parse

import schemathesis

RULES = {
    "unknown_reference",  # another row is not there
    "unknown_noun",  # a citation of what has no such noun
    "unknown_member",  # or no such member
    "ends_first",  # an end before its start
    "broken_rule",  # two members contradict each other
    "other_territory",  # another row is of another territory
    "not_held",  # the meeting has not been held
    "different_sirens",  # two rows are two partners
    "invalid_siren",  # a check digit
    "invalid_siret",
    "invalid_amount",  # two decimals at most: `multipleOf` fails on binary fractions
    "blank",  # nothing but spaces
    "forbidden_character",  # by Unicode's categories
    "invalid_cursor",  # signed by the service
    "incompatible_cursor",  # of another list
    "unknown_version",  # there is none to go back to
    "incompatible_parameters",
    "not_past",  # an instant that is still to come
    "repeated_parameter",  # one key twice in an order
}


def from_nothing(error, request):
    # Following an answer to the next request, schemathesis writes a member that was null as the text `None`.
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(request.url).query)
    return asked.get(error.get("parameter", "")) == ["None"]


# The `pattern` of If-Match in the document.
TAGS = re.compile(r'(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)')


def unfit(request):
    # In the place of an optional header, schemathesis sends the text `0` and takes it for one that fits, whatever the pattern says.
    sent = request.headers.get("If-Match")
    return sent is not None and not TAGS.fullmatch(sent)


def beyond_schemas(error):
    # The parameters, each within its bounds, may be too many or too long together: an error of none of them.
    # Some moves of a fiche need a reason, and some do not.
    reason = (error["code"], error.get("pointer")) == ("missing_field", "/reason")
    return error["code"] in RULES or reason or error.get("parameter") == ""


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # The HTTP parser has a limit of its own (65 534 bytes of address), and refuses before the service sees anything.
    if len(response.request.url) > 65_000 and response.status_code == 400 and not response.content:
        return False
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    problem = response.json()
    errors = problem.get("errors", [])
    # The version named is not the one that stands; to restore what was deleted needs none, what stands does. Or something else was
    # asked under the same Idempotency-Key before.
    stale = problem.get("code") in ("stale", "no_such_version", "precondition_required", "idempotency_key_reused")
    beyond = (beyond_schemas(error) or from_nothing(error, response.request) for error in errors)
    return not (stale or unfit(response.request) or errors and all(beyond))
