"""Where does a developer start with MX?"""

from bursar.providers.mx.sdk.data import DataCalls
from bursar.providers.mx.sdk.institutions import InstitutionCalls
from bursar.providers.mx.sdk.members import MemberCalls
from bursar.providers.mx.sdk.users import UserCalls


class MXClient(UserCalls, MemberCalls, DataCalls, InstitutionCalls):
    """MX's Platform API, typed and asynchronous; every listing is read to its end.

    ```python
    async with MXClient.from_env() as mx:
        accounts = await mx.list_accounts(user, member=member)
    ```

    Amounts are exact Decimals in **MX's** signs (transactions have none: `type` says which way they went; debts are
    positive), days are the institution's calendar, instants are aware. Every failure is an `MXError`; a row that
    cannot be read is in the `rejected` of its listing. One client serves any number of tasks and users of one event
    loop; it opens its connections on first use and closes them with `aclose()` or `async with`.
    """
