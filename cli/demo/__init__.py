"""`lautern demo`: a city on this machine; what each kind shows in it lies in `kinds/`."""
