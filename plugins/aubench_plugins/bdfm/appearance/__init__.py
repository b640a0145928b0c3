"""Who is drawn, with which camera and in which light: the game look and the photo looks."""
