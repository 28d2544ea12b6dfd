from tests.sdks import build

build()
