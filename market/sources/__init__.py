"""Where bars come from: delimited text, Parquet, the series packaged with arch, and a seeded synthetic market."""
