import shutil
from pathlib import Path

import pytest

from devices.city import SHIPPED, city_areas, city_folder, shipped_cities
from devices.errors import InvalidDeclarationError, UnknownCityError


def test_a_shipped_city_goes_by_its_name() -> None:
    assert "medan" in shipped_cities()
    assert city_folder("medan") == SHIPPED / "medan"
    assert len(city_areas("medan")) == 21


def test_a_folder_is_a_city(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "medan" / "areas.geojson", tmp_path)
    assert city_folder(str(tmp_path)) == tmp_path
    assert city_areas(str(tmp_path)) == city_areas("medan")


@pytest.mark.parametrize("city", ["atlantis", "", "../cities/medan"])
def test_another_name_tells_which_cities_there_are(city: str) -> None:
    with pytest.raises(UnknownCityError, match=r"medan.*areas\.geojson"):
        city_folder(city)


def test_a_folder_without_areas_is_not_a_city(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match="put the city's areas there"):
        city_areas(str(tmp_path))
