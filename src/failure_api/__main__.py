"""Lets `python -m failure_api` stand in for the command `failure-api`."""

from failure_api.cli import main

if __name__ == "__main__":
    main()
