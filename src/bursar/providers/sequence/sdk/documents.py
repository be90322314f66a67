"""Which GraphQL documents are sent? Our own, named as the web application names its operations."""

_BALANCE = "balance { cents formatted }"

# `ExternalEntity` has neither an id nor an icon. Merchants and outside parties are asked for everywhere: without them
# the other end of a card payment or a deposit has no name.
_PARTY = """
fragment Party on TransferParticipant {
  __typename
  ... on Pod { id name icon }
  ... on Port { id name icon }
  ... on Account { id name icon }
  ... on Merchant { id name icon }
  ... on ExternalEntity { name }
}
"""

_MOVEMENT = (
    """
fragment Movement on TransferReference {
  id
  type
  status
  errorReason
  createdAt
  updatedAt
  amount { cents formatted }
  source { ...Party }
  destination { ...Party }
  direction
  activityType
  description
}
"""
    + _PARTY
)

ACCOUNTS_OPERATION = "SelectSourceAndDestination"
# `ManualAccountMetadata` is asked for its id only: nobody knows the balance of an account that was typed in.
ACCOUNTS = f"""
query SelectSourceAndDestination {{
  me {{
    id
    memberships {{
      id
      organization {{
        id
        pods {{ id name type metadata {{ id {_BALANCE} }} }}
        ports {{ id name metadata {{ id {_BALANCE} }} }}
        accounts {{
          id
          name
          type
          providerType
          institutionName
          metadata {{
            __typename
            ... on PlaidMetadata {{ id {_BALANCE} }}
            ... on MethodMetadata {{ id {_BALANCE} }}
            ... on ManualAccountMetadata {{ id }}
          }}
        }}
      }}
    }}
  }}
}}
"""

POD_OPERATION = "PodDrawerContent"
POD = f"""
query PodDrawerContent($organizationId: ID!, $id: ID!) {{
  organization(id: $organizationId) {{
    id
    pod(id: $id) {{
      id
      name
      icon
      beneficiaryName
      bankAccountNumber
      routingNumber
      externalAccountId
      showSequenceBalance
      goalAmountInCents
      linkedAccount {{ id name pendingDisconnectCode }}
      metadata {{ id {_BALANCE} }}
      liabilityMetadata {{
        __typename
        ... on LiabilityMetadata {{
          id
          name
          mask
          subtype
          {_BALANCE}
          balanceLastUpdated
          lastStatementBalance {{ cents formatted }}
          nextPaymentMinimumAmount {{ cents formatted }}
          nextPaymentDueDate
          interestRatePercentage
        }}
        ... on ErrorMetadata {{ errorCode displayMessage }}
      }}
      transferReferences(first: 5) {{
        edges {{
          cursor
          node {{
            id
            type
            status
            errorReason
            createdAt
            amount {{ cents formatted }}
            source {{ ...Party }}
            destination {{ ...Party }}
          }}
        }}
      }}
    }}
  }}
}}
{_PARTY}"""

TRANSFER_OPERATION = "CreatePayment"
# Asked for no more than the outcome: each further field is one that could fail after the money has moved.
TRANSFER = f"""
mutation CreatePayment(
  $id: ID!
  $source: PaymentAccountInput!
  $destination: PaymentAccountInput!
  $amount: Int!
  $isInstantTransfer: Boolean
  $achDescription: String
) {{
  forKYC(id: $id) {{
    createPayment(
      fields: {{
        amount: $amount
        source: $source
        destination: $destination
        isInstantTransfer: $isInstantTransfer
        achDescription: $achDescription
      }}
    ) {{
      ok {{ organization {{ id pods {{ id name icon type metadata {{ id {_BALANCE} }} }} }} }}
      error {{ message }}
    }}
  }}
}}
"""

SUMMARY_OPERATION = "ActivitySummary"
SUMMARY = """
query ActivitySummary {
  activitySummary {
    id
    transferReferencesCount
    ruleExecutionsCount
    totalIncomingFundsInCents { cents formatted }
  }
}
"""

ACTIVITY_OPERATION = "ActivityLogV2Transfers"
ACTIVITY = f"""
query ActivityLogV2Transfers(
  $organizationId: ID!
  $transferFilter: TransferReferenceFilter!
  $first: Int!
  $after: String
) {{
  organization(id: $organizationId) {{
    id
    transferReferences(filter: $transferFilter, after: $after, first: $first) {{
      pageInfo {{ endCursor hasNextPage }}
      edges {{ cursor node {{ ...Movement }} }}
    }}
  }}
}}
{_MOVEMENT}"""

_LEG = "{ status createdAt completedAt expectedCompletionDate }"

DETAIL_OPERATION = "TransferReferenceDrawerContentV2"
DETAIL = f"""
query TransferReferenceDrawerContentV2($organizationId: ID!, $id: ID!) {{
  organization(id: $organizationId) {{
    id
    transferReference(id: $id) {{
      ...Movement
      details {{
        __typename
        ... on SimpleTransferDetails {{ status {_LEG} }}
        ... on CompoundTransferDetails {{
          pullPaymentStatus {_LEG}
          pushPaymentStatus {_LEG}
          reversalPaymentStatus {_LEG}
        }}
      }}
      ruleDetails {{ triggerType triggerCron }}
    }}
  }}
}}
{_MOVEMENT}"""
