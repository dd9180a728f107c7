from collm.envs.writing.abstracts import embedded_abstracts


def test_abstracts_have_the_length_of_the_real_ones() -> None:
    train, test = embedded_abstracts("train"), embedded_abstracts("test")
    assert (len(train), len(test)) == (96, 24)
    assert len(set(train + test)) == 120
    assert all(100 <= len(text.split()) <= 300 and "{" not in text for text in train + test)
