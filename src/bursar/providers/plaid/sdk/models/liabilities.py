"""What does Plaid say about what is owed: cards, mortgages, student loans?"""

from datetime import date
from decimal import Decimal
from typing import ClassVar

from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.items import Item
from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.redaction import Secret
from bursar.transport.rows import WireModel


class Apr(WireModel, frozen=True, kw_only=True, gc=False):
    """An annual rate in percent, and what it applies to."""

    apr_percentage: Decimal
    apr_type: str
    balance_subject_to_apr: Decimal | None = None
    interest_charge_amount: Decimal | None = None


class CreditLiability(WireModel, frozen=True, kw_only=True, gc=False):
    """A card's terms; amounts are positive when owed or paid."""

    account_id: str | None = None
    aprs: tuple[Apr, ...]
    is_overdue: bool | None = None
    last_payment_amount: Decimal | None = None
    last_payment_date: date | None = None
    last_statement_issue_date: date | None = None
    last_statement_balance: Decimal | None = None
    minimum_payment_amount: Decimal | None = None
    next_payment_due_date: date | None = None


class InterestRate(WireModel, frozen=True, kw_only=True, gc=False):
    """A mortgage's rate in percent."""

    percentage: Decimal | None = None
    type: str | None = None


class MortgageLiability(WireModel, frozen=True, kw_only=True, gc=False):
    """A mortgage's terms."""

    account_id: str
    account_number: Secret | None = None
    current_late_fee: Decimal | None = None
    escrow_balance: Decimal | None = None
    has_pmi: bool | None = None
    has_prepayment_penalty: bool | None = None
    interest_rate: InterestRate
    last_payment_amount: Decimal | None = None
    last_payment_date: date | None = None
    loan_term: str | None = None
    loan_type_description: str | None = None
    maturity_date: date | None = None
    next_monthly_payment: Decimal | None = None
    next_payment_due_date: date | None = None
    origination_date: date | None = None
    origination_principal_amount: Decimal | None = None
    past_due_amount: Decimal | None = None
    ytd_interest_paid: Decimal | None = None
    ytd_principal_paid: Decimal | None = None


class LoanStatus(WireModel, frozen=True, kw_only=True, gc=False):
    """Where a student loan stands."""

    end_date: date | None = None
    type: str | None = None


class RepaymentPlan(WireModel, frozen=True, kw_only=True, gc=False):
    """How a student loan is paid back."""

    description: str | None = None
    type: str | None = None


class StudentLiability(WireModel, frozen=True, kw_only=True, gc=False):
    """A student loan's terms."""

    account_id: str | None = None
    account_number: Secret | None = None
    disbursement_dates: tuple[date, ...] | None = None
    expected_payoff_date: date | None = None
    guarantor: str | None = None
    interest_rate_percentage: Decimal
    is_overdue: bool | None = None
    last_payment_amount: Decimal | None = None
    last_payment_date: date | None = None
    last_statement_balance: Decimal | None = None
    last_statement_issue_date: date | None = None
    loan_name: str | None = None
    loan_status: LoanStatus | None = None
    minimum_payment_amount: Decimal | None = None
    next_payment_due_date: date | None = None
    origination_date: date | None = None
    origination_principal_amount: Decimal | None = None
    outstanding_interest_amount: Decimal | None = None
    payment_reference_number: str | None = None
    repayment_plan: RepaymentPlan | None = None
    sequence_number: str | None = None
    ytd_interest_paid: Decimal | None = None
    ytd_principal_paid: Decimal | None = None


class Liabilities(WireModel, frozen=True, kw_only=True, gc=False):
    """Liabilities by kind; None means that the item has none of that kind."""

    credit: tuple[CreditLiability, ...] | None = None
    mortgage: tuple[MortgageLiability, ...] | None = None
    student: tuple[StudentLiability, ...] | None = None


class LiabilitiesAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/liabilities/get`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts",)

    accounts: tuple[Account, ...]
    liabilities: Liabilities
    item: Item
