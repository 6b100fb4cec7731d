"""What every record is made of, shared by those who write and those who read; it knows neither."""
