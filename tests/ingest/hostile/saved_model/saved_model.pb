0.
readReadFile
secret.txt