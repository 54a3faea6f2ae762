"""`python -m headwater`: the program, where its script is not on the path."""

from headwater.cli.main import main

main()
