"""How anything is read: question, SQL, page, facets, routes; it knows no resource."""
