import { pieces } from "../text";

/** A text of a model, character by character what it is: hidden characters are shown by name. */
export function Text({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map((piece) =>
        piece.hidden ? (
          <span class="hidden-character" title={piece.hidden}>
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}
