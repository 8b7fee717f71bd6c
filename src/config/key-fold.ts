/** How keys of structs are compared: as Go's `encoding/json` does, without regard to case. */

/**
 * Folds a key to the form in which two spellings of one field are equal. Fields are ASCII, and besides ASCII letters
 * only two characters fold to ASCII: the Kelvin sign (`toLowerCase` knows it) and the long s.
 */
export function foldKey(key: string): string {
  return key.toLowerCase().replaceAll('\u017f', 's');
}
