import random

from collm.envs.writing.posts import embedded_posts, random_post


def test_posts_are_many_short_and_different() -> None:
    train, test = embedded_posts("train"), embedded_posts("test")
    texts = {post.text for post in train + test}
    assert (len(train), len(test)) == (192, 32)
    assert len(texts) == 224
    assert all(30 <= len(text.split()) <= 80 for text in texts)
    assert len({post.topic for post in test}) == 6


def test_a_post_has_the_form_of_the_real_ones() -> None:
    post = random_post(random.Random(1))
    assert post.text.startswith(f"SUBREDDIT: r/{post.topic}\n\nTITLE: My {post.who} {post.trouble}\n\nPOST: ")
    assert post.text.endswith(f"Should I {post.option}?\n\nTL;DR:")
    assert "{" not in post.text
