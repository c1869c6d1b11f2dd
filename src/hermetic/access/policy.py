"""Who may do what: the table of ML Server 9.x, in the role somebody holds at this moment.

=====================  ======  ===========  ======
to                     Owner   Contributor  Reader
=====================  ======  ===========  ======
publish a service      any     own names    no
change, delete it      any     own only     no
see its code           any     own only     own only
list, call             yes     yes          yes
run code in a session  yes     yes          no
administer the node    yes     no           no
=====================  ======  ===========  ======
"""

from collections.abc import Collection

from hermetic.access.principals import Principal, Role


def may_publish(principal: Principal, publishers: Collection[str] = ()) -> bool:
    """Whether *principal* may publish under a name; *publishers* published under it before."""
    match principal.role:
        case Role.OWNER:
            return True
        case Role.CONTRIBUTOR:
            return not publishers or principal.name in publishers
        case Role.READER:
            return False


def may_run_code(principal: Principal) -> bool:
    """Whether *principal* may run code of their own; whoever may publish it may, too.

    ML Server let Readers open sessions: whoever was to call services only had a shell.
    """
    return may_publish(principal)


def may_change(principal: Principal, owner: str) -> bool:
    """Whether *principal* may change or delete a service that *owner* published."""
    match principal.role:
        case Role.OWNER:
            return True
        case Role.CONTRIBUTOR:
            return principal.name == owner
        case Role.READER:
            return False


def may_see_code(principal: Principal, owner: str) -> bool:
    """Whether *principal* may read the source of a service that *owner* published."""
    return principal.role is Role.OWNER or principal.name == owner


def may_administer(principal: Principal) -> bool:
    """Whether *principal* may manage accounts, certificates and nodes."""
    return principal.role is Role.OWNER
