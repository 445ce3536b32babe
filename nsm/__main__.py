"""``python -m nsm`` is ``nsm``."""

from nsm.cli.main import main

if __name__ == "__main__":
    main()
