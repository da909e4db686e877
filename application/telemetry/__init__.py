"""Reading stored series: whose they are, what a question may cost, rollups and percentiles."""
