"""Charts: the sums, the crosswalk and the reconciliation as pictures, drawn from the API's own answers, for the pages
here and as SVG files for the pages of others."""
