"""How does Plaid describe what is owed on cards and student loans?"""

from datetime import date, timedelta
from decimal import Decimal

from bursar.providers.plaid.sandbox.transactions import plain
from bursar.sandbox.ledger import Purpose, Row
from bursar.sandbox.people import Account
from bursar.sandbox.world import World

_PERCENT = Decimal(100)
_PAYMENT_DAY = 20
_LOAN_PAYMENT_DAY = 5


def render_card(world: World, account: Account, account_id: str) -> dict[str, object]:
    """One entry of the credit list; the statement is the balance at the last statement date."""
    today = account.bank.local_date(world.now)
    issued_on = today.replace(day=1)
    payment = _last_payment(world, account)
    owed = -world.balance(account.account_id)
    return {
        "account_id": account_id,
        "aprs": [
            {
                "apr_percentage": account.annual_rate * _PERCENT,
                "apr_type": "purchase_apr",
                "balance_subject_to_apr": None,
                "interest_charge_amount": None,
            }
        ],
        "is_overdue": False,
        "last_payment_amount": plain(payment.amount) if payment else None,
        "last_payment_date": payment.booked_on.isoformat() if payment else None,
        "last_statement_issue_date": issued_on.isoformat(),
        "last_statement_balance": plain(owed),
        "minimum_payment_amount": min(max(owed, Decimal(0)), Decimal(25)),
        "next_payment_due_date": _next(today, _PAYMENT_DAY).isoformat(),
    }


def render_student_loan(world: World, account: Account, account_id: str) -> dict[str, object]:
    """One entry of the student list."""
    today = account.bank.local_date(world.now)
    payment = _last_payment(world, account)
    holder = account.holders[0]
    return {
        "account_id": account_id,
        "account_number": account.number,
        "disbursement_dates": [account.opened_at.date().isoformat()],
        "expected_payoff_date": None,
        "guarantor": "DEPT OF ED",
        "interest_rate_percentage": account.annual_rate * _PERCENT,
        "is_overdue": False,
        "last_payment_amount": plain(payment.amount) if payment else None,
        "last_payment_date": payment.booked_on.isoformat() if payment else None,
        "last_statement_issue_date": None,
        "last_statement_balance": None,
        "loan_name": account.name,
        "loan_status": {"type": "repayment", "end_date": None},
        "minimum_payment_amount": Decimal("240.00"),
        "next_payment_due_date": _next(today, _LOAN_PAYMENT_DAY).isoformat(),
        "origination_date": account.opened_at.date().isoformat(),
        "origination_principal_amount": -account.opening_balance,
        "outstanding_interest_amount": None,
        "payment_reference_number": None,
        "pslf_status": {"estimated_eligibility_date": None, "payments_made": None, "payments_remaining": None},
        "repayment_plan": {"type": "standard", "description": "Standard Repayment"},
        "sequence_number": "1",
        "servicer_address": {
            "city": holder.city,
            "region": None,
            "street": holder.street,
            "postal_code": holder.postal_code,
            "country": holder.country,
        },
        "ytd_interest_paid": None,
        "ytd_principal_paid": None,
    }


def _last_payment(world: World, account: Account) -> Row | None:
    rows = world.truth(account.account_id).settled
    payments = [row for row in rows if row.purpose in {Purpose.CARD_PAYMENT, Purpose.LOAN_PAYMENT} and row.amount > 0]
    return payments[-1] if payments else None


def _next(today: date, day: int) -> date:
    """The next date after today with that day of the month."""
    candidate = today + timedelta(days=1)
    while candidate.day != day:
        candidate += timedelta(days=1)
    return candidate
