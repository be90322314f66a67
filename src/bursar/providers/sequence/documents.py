"""What does the adapter ask beyond the SDK's documents? The same operation, with what a ledger needs of each place.

The web application asks for these members too, so nothing here looks unlike it: numbers, of which the last digits are
kept, and on whose behalf money may be moved.
"""

PLACES_OPERATION = "SelectSourceAndDestination"
PLACES = """
query SelectSourceAndDestination {
  me {
    id
    memberships {
      id
      organization {
        id
        kycs { id }
        pods { id name type metadata { id balance { cents } } }
        ports { id name bankAccountNumber metadata { id balance { cents } } }
        accounts {
          id
          name
          type
          providerType
          institutionName
          bankAccountNumber
          metadata {
            __typename
            ... on PlaidMetadata { id balance { cents } }
            ... on MethodMetadata { id balance { cents } }
            ... on ManualAccountMetadata { id }
          }
        }
      }
    }
  }
}
"""
