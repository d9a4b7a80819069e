"""What a recipe is made of: frozen trees of settings that print, override and save themselves."""
