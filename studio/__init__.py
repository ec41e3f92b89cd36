"""What a person sees and asks: pages, services, command line and JSON API."""
