from __future__ import annotations

import torch

from handful.nn.box_head import BoxPredictor, CosineClassifier, linear_layer


def test_dropout_acts_on_logits_in_training_only() -> None:
    torch.manual_seed(0)
    predictor = BoxPredictor(64, 3, linear_layer(64, 4), 0.8)
    vectors = torch.randn(5, 64)
    logits, offsets = predictor.eval()(vectors)
    noisy, same = predictor.train()(vectors)
    assert torch.equal(offsets, same)
    assert not torch.allclose(logits, noisy)


def test_cosine_classifier_stores_unit_rows_only_when_training() -> None:
    classifier = CosineClassifier(8, 3, scale=20.0).eval()
    before = classifier.weight.detach().clone()
    vectors = torch.randn(4, 8)
    logits = classifier(vectors)
    assert torch.equal(classifier.weight, before)
    assert torch.allclose(classifier.train()(vectors), logits, atol=1e-5)
    assert torch.allclose(classifier.weight.norm(dim=1), torch.ones(3), atol=1e-2)
    assert logits.abs().max() <= 20


def test_a_fixed_scale_is_no_parameter() -> None:
    fixed, learned = (CosineClassifier(8, 3, scale=20.0, learn_scale=on) for on in (False, True))
    assert set(fixed.state_dict()) == {"weight"}
    assert learned.state_dict()["scale"].tolist() == [20.0]
