"""What every service needs, whatever it does; knows neither `apps` nor `config`."""
