"""Is a token renewed once, whoever asks, and is a spent one never used again?"""

import subprocess
import sys
import time

import pytest

from bursar.providers.sequence import SequenceClient, TokenExpiredError, refresh
from bursar.providers.sequence.sdk.auth.tokens import AuthTokens, read_tokens, save_tokens

RENEW = "from bursar.providers.sequence import get_access_token; print(get_access_token())"


@pytest.mark.parametrize("rotates", [True, False])
def test_two_processes_renew_once(simulated, rotates):
    simulated.control("manners", rotates=rotates)
    issued = simulated.control("tokens/issue", refresh_token=True, lifetime_s=30)
    save_tokens(AuthTokens(issued["access_token"], issued["refresh_token"], time.time() + 30))
    simulated.control("faults", kind="delay", operation="oauth/token", delay_s=0.5)
    runs = [subprocess.Popen([sys.executable, "-c", RENEW], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    tokens = {run.communicate()[0].strip() for run in runs}
    assert tokens == {read_tokens().access_token}
    assert len(simulated.requests("/oauth/token")) == 1
    assert (read_tokens().refresh_token != issued["refresh_token"]) is rotates
    with SequenceClient(tokens.pop()) as client:
        assert client.get_pods()


def test_token_that_was_replayed_is_refused_and_says_why(simulated):
    issued = simulated.control("tokens/issue", refresh_token=True)
    refresh(issued["refresh_token"])
    with pytest.raises(TokenExpiredError, match=r"token refresh failed: HTTP 403: .*refresh token"):
        refresh(issued["refresh_token"])
    # The whole family has ended.
    with pytest.raises(TokenExpiredError):
        refresh(read_tokens().refresh_token)
