"""Networks over one wide column, one a file: from a picture, a text, a sound or a series to a vector."""

from lamina.names import Names

__all__ = ["BACKBONES"]

BACKBONES = Names(
    "backbone",
    {
        "cnn": "lamina.backbones.cnn:CNN",
        "resnet20": "lamina.backbones.residual:ResNet20",
        "resnet32": "lamina.backbones.residual:ResNet32",
        "resnet56": "lamina.backbones.residual:ResNet56",
        "wideresnet": "lamina.backbones.residual:WideResNet",
        "resnet18": "lamina.backbones.residual:ResNet18",
        "resnet34": "lamina.backbones.residual:ResNet34",
        "resnet50": "lamina.backbones.residual:ResNet50",
        "mobilenet": "lamina.backbones.separable:MobileNet",
        "convnext": "lamina.backbones.convnext:ConvNeXt",
        "squeezenet": "lamina.backbones.squeezenet:SqueezeNet",
        "vit": "lamina.backbones.vit:ViT",
        "transformer": "lamina.backbones.transformer:Transformer",
        "rnn": "lamina.backbones.recurrent:RNN",
        "lstm": "lamina.backbones.recurrent:LSTM",
        "gru": "lamina.backbones.recurrent:GRU",
        "textcnn": "lamina.backbones.textcnn:TextCNN",
        "bag": "lamina.backbones.bag:Bag",
        "tcn": "lamina.backbones.tcn:TCN",
        "crnn": "lamina.backbones.crnn:CRNN",
        "conformer": "lamina.backbones.conformer:Conformer",
        "pretrained": "lamina.backbones.pretrained:Pretrained",
    },
    group="lamina.backbones",
)
