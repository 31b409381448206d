"""What is shown: markup, figures and their protection, and the pages and files of a release."""
